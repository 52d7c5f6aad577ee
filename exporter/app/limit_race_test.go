//go:build race

package app_test

// The race detector empties pools at random, so a scrape makes more.
const mostAllocations = 500
