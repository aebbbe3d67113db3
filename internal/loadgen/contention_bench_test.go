package loadgen

import (
	"log/slog"
	"net"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/wampeter/wampeter/router"
)

// BenchmarkContention loads our router in this process, with all its traffic in one
// realm, and reports which part of the time of all cores goroutines have waited for
// locks: run it with -cpu 2, and with -cpuprofile and -mutexprofile to see where.
func BenchmarkContention(b *testing.B) {
	for _, scenario := range []string{"pipeline", "fanout", "topics"} {
		b.Run(scenario, func(b *testing.B) {
			rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
			defer rt.Close()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			go func() { _ = rt.Serve(ln) }()
			waited := func() time.Duration {
				sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
				metrics.Read(sample)
				return time.Duration(sample[0].Value.Float64() * float64(time.Second))
			}
			before, began := waited(), time.Now()
			c := Config{Scenario: scenario, URL: "tcp://" + ln.Addr().String(), Count: int64(b.N), Duration: time.Hour}
			report, err := Run(b.Context(), c)
			if err != nil {
				b.Fatal(err)
			}
			all := time.Since(began) * time.Duration(runtime.GOMAXPROCS(0))
			b.ReportMetric(100*float64(waited()-before)/float64(all), "%waiting")
			b.ReportMetric(report.PerSecond, report.Unit+"s/s")
		})
	}
}
