package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/scenario"
)

// changeCmd lets a pipeline propose what people approve, over the HTTP API.
type changeCmd struct {
	Submit  changeSubmitCmd  `cmd:"" help:"Propose the desired state of a scenario file, and ask for reviews of what differs."`
	Status  changeStatusCmd  `cmd:"" help:"Where a change is."`
	Approve changeApproveCmd `cmd:"" help:"Approve somebody else's change."`
	Apply   changeApplyCmd   `cmd:"" help:"Make an approved change the desired state, and start its rollout."`
	Revert  changeRevertCmd  `cmd:"" help:"Propose a change that undoes an applied one, and ask for reviews of it."`
}

// changeSeen is what the API says of a change.
type changeSeen struct {
	ID        int64  `json:"id"`
	Title     string `json:"title"`
	State     string `json:"state"`
	Digest    string `json:"digest"`
	Note      string `json:"note"`
	Problem   string `json:"problem"`
	Revision  int64  `json:"revision"`
	RolloutID int64  `json:"rollout_id"`
	Version   int64  `json:"version"`
	Required  int    `json:"required_approvals"`
	Approvals int    `json:"approvals"`
	Edits     []any  `json:"edits"`
	Targets   *int   `json:"targets"`
	Writes    *int   `json:"writes"`
}

func (s changeSeen) path() string { return "/changes/" + strconv.FormatInt(s.ID, 10) }

// tell prints where a change is.
func (s changeSeen) tell(c *console, api *client) {
	fmt.Fprintf(c.out, "Change %d %q is %s: %d edits", s.ID, s.Title, strings.ReplaceAll(s.State, "_", " "), len(s.Edits))
	if s.Targets != nil && s.Writes != nil {
		fmt.Fprintf(c.out, ", %d documents in %d accounts", *s.Writes, *s.Targets)
	}
	fmt.Fprintf(c.out, ", %d of %d approvals.\n", s.Approvals, s.Required)
	if s.Digest != "" {
		fmt.Fprintf(c.out, "digest %s\n", s.Digest)
	}
	for _, why := range []string{s.Note, s.Problem} {
		if why != "" {
			fmt.Fprintln(c.out, why)
		}
	}
	fmt.Fprintln(c.out, api.page(s.path()))
}

type changeSubmitCmd struct {
	scenarioFlag `embed:""`
	Title        string `required:"" placeholder:"T" help:"What the change does, in a few words."`
	Reason       string `required:"" placeholder:"R" help:"Why it is needed; the reviewer and the auditor read it."`
	Revision     int64  `default:"-1" placeholder:"N" help:"Refuse unless this is the newest revision: the one that the file was made from."`
	apiFlags     `embed:""`
	waitFlags    `embed:""`
}

// Run proposes the whole desired state. What is there already is nothing to do, and no
// error: a pipeline may run as often as it likes.
func (cmd changeSubmitCmd) Run(c *console) error {
	read, err := cmd.read(c)
	if err != nil {
		return err
	}
	api, err := cmd.client(c)
	if err != nil {
		return err
	}
	desired, err := scenario.Scenario{State: read.State}.JSON()
	if err != nil {
		return err
	}
	header := http.Header{}
	if cmd.Revision >= 0 {
		header.Set("If-Match", strconv.Quote(strconv.FormatInt(cmd.Revision, 10)))
	}
	var change changeSeen
	err = api.post("/changes", map[string]any{"title": cmd.Title, "reason": cmd.Reason, "desired": json.RawMessage(desired)}, &change, header)
	if refused(err, "unchanged") {
		_, err = fmt.Fprintln(c.out, err.Error())
		return err
	}
	if err != nil {
		return err
	}
	if err := api.post(change.path()+"/submit", nil, &change, nil); err != nil {
		return fmt.Errorf("change %d is a draft and could not be submitted: %w", change.ID, err)
	}
	change.tell(c, api)
	return cmd.wait(c, api, change.ID)
}

type changeStatusCmd struct {
	ID        int64 `arg:"" help:"The change's number."`
	apiFlags  `embed:""`
	waitFlags `embed:""`
}

// Run says where a change is now and, with --wait, where it ends.
func (cmd changeStatusCmd) Run(c *console) error {
	api, err := cmd.client(c)
	if err != nil {
		return err
	}
	change := changeSeen{ID: cmd.ID}
	if err := api.get(change.path(), &change); err != nil {
		return err
	}
	change.tell(c, api)
	return cmd.wait(c, api, cmd.ID)
}

type changeApproveCmd struct {
	ID       int64  `arg:"" help:"The change's number."`
	Digest   string `required:"" placeholder:"D" help:"The digest of what you have read. The approval is of that, and of nothing else."`
	Comment  string `placeholder:"C" help:"What there is to say about it."`
	apiFlags `embed:""`
}

// Run approves a change.
func (cmd changeApproveCmd) Run(c *console) error {
	api, err := cmd.client(c)
	if err != nil {
		return err
	}
	change := changeSeen{ID: cmd.ID}
	if err := api.post(change.path()+"/reviews", map[string]any{"verdict": "approve", "digest": cmd.Digest, "comment": cmd.Comment}, &change, nil); err != nil {
		return err
	}
	change.tell(c, api)
	return nil
}

type changeApplyCmd struct {
	ID        int64  `arg:"" help:"The change's number."`
	Digest    string `placeholder:"D" help:"Apply it only if this is its digest. Without one: what was approved."`
	Strategy  string `placeholder:"NAME" help:"The strategy by which it is rolled out. Without one: the default."`
	apiFlags  `embed:""`
	waitFlags `embed:""`
}

// Run applies an approved change: its approvals are bound to its digest.
func (cmd changeApplyCmd) Run(c *console) error {
	api, err := cmd.client(c)
	if err != nil {
		return err
	}
	change := changeSeen{ID: cmd.ID}
	if cmd.Digest == "" {
		if err := api.get(change.path(), &change); err != nil {
			return err
		}
		if change.Digest == "" {
			return fmt.Errorf("change %d is %s: it has to be submitted and approved before it is applied", cmd.ID, change.State)
		}
		cmd.Digest = change.Digest
	}
	var rollout rolloutSeen
	if err := api.post(change.path()+"/apply", map[string]any{"digest": cmd.Digest, "strategy": cmd.Strategy}, &rollout, nil); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Change %d is revision %d. Rollout %d writes it to %d accounts.\n%s\n", cmd.ID, rollout.Revision, rollout.ID, rollout.Targets, api.page(rollout.path()))
	if !cmd.Wait {
		return nil
	}
	return rollout.wait(c, api, time.Now().Add(cmd.Timeout))
}

type changeRevertCmd struct {
	ID        int64  `arg:"" help:"The change's number."`
	Reason    string `required:"" placeholder:"R" help:"Why it is reverted; the reviewer and the auditor read it."`
	apiFlags  `embed:""`
	waitFlags `embed:""`
}

// Run composes the change that undoes another one, and asks for reviews of it.
func (cmd changeRevertCmd) Run(c *console) error {
	api, err := cmd.client(c)
	if err != nil {
		return err
	}
	var revert changeSeen
	path := changeSeen{ID: cmd.ID}.path() + "/revert"
	if err := api.post(path, map[string]any{"reason": cmd.Reason}, &revert, nil); err != nil {
		return err
	}
	if err := api.post(revert.path()+"/submit", nil, &revert, nil); err != nil {
		return fmt.Errorf("change %d is a draft and could not be submitted: %w", revert.ID, err)
	}
	revert.tell(c, api)
	return cmd.wait(c, api, revert.ID)
}
