package engine

import "time"

// How much an engine may do at once: enough for 50 asynchronous jobs a second,
// and few enough connections for four nodes on one PostgreSQL (100 by default).
const (
	poolSize           = 20
	jobThreads         = 8
	jobQueue           = 50
	jobsPerAcquisition = 25
	jobWait            = 250 * time.Millisecond
	jobMaxWait         = time.Second
)
