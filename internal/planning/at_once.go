package planning

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// eachAtOnce calls work with every item, on all processors where there are many items.
func eachAtOnce[T any](items []T, work func(*T)) {
	const chunk = 16
	workers := min(runtime.GOMAXPROCS(0), (len(items)+chunk-1)/chunk)
	if workers <= 1 {
		for i := range items {
			work(&items[i])
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				from := int(next.Add(chunk)) - chunk
				if from >= len(items) {
					return
				}
				for i := from; i < min(from+chunk, len(items)); i++ {
					work(&items[i])
				}
			}
		})
	}
	all.Wait()
}
