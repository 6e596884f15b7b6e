package rollout

// Point names a place in a push between two effects. Whatever dies, dies between two of
// these, so a test that ends a push at each of them has covered every crash.
type Point string

// The points, in the order in which a push passes them. PointWriting and PointWrote are
// passed once per write, PointRecorded between two that are some time apart: the other
// outcomes, and the last in any case, are committed with the end of the target.
const (
	PointClaimed  Point = "claimed"  // the claim is committed, nothing was read
	PointRead     Point = "read"     // the live documents are known
	PointIntended Point = "intended" // the intents are committed, nothing was written
	PointWriting  Point = "writing"  // just before a write
	PointWrote    Point = "wrote"    // just after a write, whatever its answer
	PointRecorded Point = "recorded" // the outcome of a write is committed, the next is not sent
	PointVerified Point = "verified" // everything was read back, the end is not committed
	PointFinished Point = "finished" // the end is committed, the job is not
)

// Points lists all points.
func Points() []Point {
	return []Point{PointClaimed, PointRead, PointIntended, PointWriting, PointWrote, PointRecorded, PointVerified, PointFinished}
}
