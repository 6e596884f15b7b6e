package main

import (
	"fmt"
	"strconv"
	"time"
)

// waitFlags say whether a command waits until nothing more happens.
type waitFlags struct {
	Wait    bool          `help:"Wait until the change is applied and its rollout has ended, or until it has come to nothing."`
	Timeout time.Duration `default:"24h" placeholder:"1h" help:"How long to wait at most."`
}

// rolloutSeen is what the API says of a rollout.
type rolloutSeen struct {
	ID       int64          `json:"id"`
	Revision int64          `json:"revision"`
	State    string         `json:"state"`
	Targets  int            `json:"targets"`
	Counts   map[string]int `json:"counts"`
	Note     string         `json:"note"`

	LeftBehind int `json:"left_behind"`
}

func (r rolloutSeen) path() string { return "/rollouts/" + strconv.FormatInt(r.ID, 10) }

// wait follows a change to its end, which the exit code tells.
func (f waitFlags) wait(c *console, api *client, id int64) error {
	if !f.Wait {
		return nil
	}
	until := time.Now().Add(f.Timeout)
	change, told := changeSeen{ID: id}, ""
	err := api.watch(until, func() (bool, error) {
		change = changeSeen{ID: id}
		if err := api.get(change.path(), &change); err != nil {
			return false, err
		}
		if told != "" && told != change.State {
			fmt.Fprintf(c.err, "Change %d is %s.\n", id, change.State)
		}
		told = change.State
		return change.ended(), nil
	})
	if err != nil {
		return err
	}
	if change.RolloutID == 0 {
		change.tell(c, api)
		return exitError(exitNothing)
	}
	return rolloutSeen{ID: change.RolloutID}.wait(c, api, until)
}

// ended reports whether a change is applied or has come to nothing.
func (s changeSeen) ended() bool {
	switch s.State {
	case "applied", "rejected", "withdrawn", "conflicted":
		return true
	default:
		return false
	}
}

func (r rolloutSeen) wait(c *console, api *client, until time.Time) error {
	id := r.ID
	err := api.watch(until, func() (bool, error) {
		r = rolloutSeen{ID: id}
		err := api.get(r.path(), &r)
		return r.ended(), err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Rollout %d is %s: %d written, %d as they were, %d failed, %d in conflict, %d skipped, of %d accounts.\n",
		id, r.State, r.Counts["succeeded"], r.Counts["unchanged"], r.Counts["failed"], r.Counts["conflict"], r.Counts["skipped"], r.Targets)
	if r.Note != "" {
		fmt.Fprintln(c.out, r.Note)
	}
	if r.LeftBehind > 0 {
		fmt.Fprintf(c.out, "%d accounts are gone and keep their documents.\n", r.LeftBehind)
	}
	if r.State != "completed" || r.Counts["failed"]+r.Counts["conflict"]+r.Counts["skipped"] > 0 {
		return exitError(exitUnfinished)
	}
	return nil
}

// ended reports whether nothing more happens by itself.
func (r rolloutSeen) ended() bool {
	switch r.State {
	case "completed", "halted", "aborted", "rolled_back":
		return r.Counts["running"] == 0
	default:
		return false
	}
}

// The pauses between two looks: short at first, since much is over soon.
const (
	firstLook = 250 * time.Millisecond
	lastLook  = 10 * time.Second
)

// watch looks again and again until there is nothing more to see. A console that does
// not answer for a while is no end.
func (c *client) watch(until time.Time, look func() (ended bool, err error)) error {
	for wait := firstLook; ; wait = min(wait*3/2, lastLook) {
		ended, err := look()
		switch {
		case err != nil && !passing(err):
			return err
		case err == nil && ended:
			return nil
		case time.Now().After(until) && err != nil:
			return err
		case time.Now().After(until):
			return exitError(exitTimeout)
		}
		if err := c.pause(max(wait, retryOf(err))); err != nil {
			return err
		}
	}
}

func retryOf(err error) time.Duration {
	if err == nil {
		return 0
	}
	return retryAfter(err)
}
