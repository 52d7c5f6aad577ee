//go:build !race

package app_test

// mostAllocations is how many a scrape from the cache may make.
const mostAllocations = 300
