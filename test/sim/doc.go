// Package sim simulates rollouts.
package sim
