package view

import (
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// The chart's own measures: what is drawn is stretched to the width of the page, so
// there is no text in it.
const (
	chartWidth  = 1000
	chartHeight = 100
	chartPoints = 240
)

// chart is how a rollout went, worked out for drawing.
type chart struct {
	from, to time.Time
	done     string // path of the area below the accounts done
	failed   string // path of the area below those that failed
	bars     []bar  // share of throttled attempts, time by time
	total    int
	ended    int
	bad      int
	attempts int64
	throttle int64
}

type bar struct{ x, y, width, height string }

// chartOf draws the progress samples of a rollout, and how it is now.
func chartOf(r access.Rollout, samples []access.ProgressSample, now time.Time) chart {
	c := chart{total: r.Counts.Total(), ended: r.Counts.Ended(), bad: r.Counts.Failed + r.Counts.Conflict}
	points := append([]access.ProgressSample{{At: r.CreatedAt}}, thinned(samples)...)
	last := points[len(points)-1]
	end := now
	if !r.EndedAt.IsZero() {
		end = r.EndedAt
	}
	if end.After(last.At) {
		points = append(points, access.ProgressSample{At: end, Ended: c.ended, Failed: c.bad, Attempts: last.Attempts, Throttles: last.Throttles})
	}
	last = points[len(points)-1]
	c.from, c.to, c.attempts, c.throttle = points[0].At, last.At, last.Attempts, last.Throttles
	c.done = c.area(points, func(s access.ProgressSample) int { return s.Ended })
	c.failed = c.area(points, func(s access.ProgressSample) int { return s.Failed })
	c.bars = c.throttling(points)
	return c
}

// thinned keeps at most chartPoints progress samples, the last among them.
func thinned(samples []access.ProgressSample) []access.ProgressSample {
	step := (len(samples) + chartPoints - 1) / chartPoints
	if step <= 1 {
		return samples
	}
	var out []access.ProgressSample
	for i := (len(samples) - 1) % step; i < len(samples); i += step {
		out = append(out, samples[i])
	}
	return out
}

// drawn reports whether there is anything to see.
func (c chart) drawn() bool { return c.total > 0 && c.to.Sub(c.from) >= time.Second }

func (c chart) x(at time.Time) float64 {
	whole := c.to.Sub(c.from)
	if whole <= 0 {
		return 0
	}
	return max(0, min(chartWidth, float64(at.Sub(c.from))/float64(whole)*chartWidth))
}

func (c chart) area(points []access.ProgressSample, of func(access.ProgressSample) int) string {
	var b strings.Builder
	b.WriteString("M0 " + coordinate(chartHeight))
	for _, p := range points {
		height := float64(of(p)) / float64(max(c.total, 1)) * chartHeight
		b.WriteString(" L" + coordinate(c.x(p.At)) + " " + coordinate(chartHeight-height))
	}
	b.WriteString(" L" + coordinate(c.x(c.to)) + " " + coordinate(chartHeight) + " Z")
	return b.String()
}

func (c chart) throttling(points []access.ProgressSample) []bar {
	var bars []bar
	for i := 1; i < len(points); i++ {
		attempts, throttles := points[i].Attempts-points[i-1].Attempts, points[i].Throttles-points[i-1].Throttles
		if attempts <= 0 || throttles <= 0 {
			continue
		}
		height := min(float64(throttles)/float64(attempts), 1) * chartHeight
		from, to := c.x(points[i-1].At), c.x(points[i].At)
		bars = append(bars, bar{coordinate(from), coordinate(chartHeight - height), coordinate(max(to-from, 1)), coordinate(height)})
	}
	return bars
}

func coordinate(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// chartWords says what the chart shows, for whoever does not see it.
func (c chart) words() string {
	s := Number(c.ended) + " of " + Count(c.total, "account") + " done after " + Duration(c.to.Sub(c.from))
	if c.bad > 0 {
		s += ", " + Number(c.bad) + " not as desired"
	}
	return s + ". " + c.throttled()
}

// throttled says how much AWS asked to slow down.
func (c chart) throttled() string {
	switch {
	case c.attempts == 0:
		return "What AWS was asked is counted when an account ends."
	case c.throttle == 0:
		return "AWS has throttled none of " + Count(int(c.attempts), "call") + "."
	default:
		return "AWS has throttled " + Number(c.throttle) + " of " + Count(int(c.attempts), "attempt") + ", " + Number(percent(int(c.throttle), int(c.attempts))) + " %."
	}
}

// share is one part of the bar of progress.
type share struct {
	class    string
	x, width string
}

// sharesOf divides a bar by the states of the targets, those that ended well first.
func sharesOf(counts access.TargetCounts) []share {
	total := counts.Total()
	if total == 0 {
		return nil
	}
	parts := []struct {
		class string
		n     int
	}{
		{"pc-share-good", counts.Succeeded + counts.Unchanged},
		{"pc-share-neutral", counts.Skipped},
		{"pc-share-caution", counts.Conflict},
		{"pc-share-bad", counts.Failed},
		{"pc-share-info", counts.Running},
	}
	var shares []share
	at := 0.0
	for _, part := range parts {
		if part.n == 0 {
			continue
		}
		width := float64(part.n) / float64(total) * chartWidth
		shares = append(shares, share{part.class, coordinate(at), coordinate(max(width, 3))})
		at += width
	}
	return shares
}
