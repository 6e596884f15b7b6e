// Package cidr works with sets of IP networks. It is pure: it has no clock, no input or output and no
// logging, and it imports nothing of ours. Package netipx does the arithmetic.
//
//	10.0.0.0/25, 10.0.0.128/25, 10.0.0.7/32   ──Cover──▶      10.0.0.0/24
//	10.0.0.0/24 without 10.0.0.0/25           ──Subtract──▶   10.0.0.128/25
//
// A cover is what goes into a policy document: the fewest networks that contain exactly the same addresses.
// It is sorted, and IPv4 comes before IPv6.
package cidr
