package api

import (
	"fmt"
	"strings"

	"portcullis.internal/portcullis/test/harness"
)

// managesPeople adds somebody, changes them, and lets them in.
func (j *judge) managesPeople(c *harness.Console) {
	const add = `{"email":"nina@example.com","name":"Nina","roles":["viewer"],"teams":["network"]}`
	made := j.send("admin", "POST", "/people", add, "Idempotency-Key", "nina").want(201)
	path := fmt.Sprint("/people/", made.number("id"))
	if made.header.Get("Location") != "/api/v1"+path || strings.Contains(string(made.body), "secret") {
		j.t.Errorf("added at %s: %s", made.header.Get("Location"), clip(made.body))
	}
	if made.object()["vouched"] != nil || !strings.Contains(string(made.body), "Admin added Nina on ") {
		j.t.Errorf("whom an admin adds counts together with them: %s", clip(made.body))
	}
	again := j.send("admin", "POST", "/people", add, "Idempotency-Key", "nina").want(201)
	if again.number("id") != made.number("id") {
		j.t.Errorf("repeated, it answers %s: want the same person", clip(again.body))
	}
	j.send("admin", "POST", "/people", add).want(409)
	j.send("admin", "POST", "/people", `{"email":"x","name":"","roles":["root"]}`).want(422)
	j.send("admin", "POST", "/people", `{"email":"x@example.com","name":"x","roles":["viewer"],"password":"chosen by me"}`).want(422)
	if page := j.send("admin", "GET", "/people", "").want(200); len(page.items()) < 8 {
		j.t.Errorf("%d people are listed", len(page.items()))
	}
	j.send("admin", "POST", path+"/vouch", "").want(403)
	j.send("admin", "POST", "/people/999999/vouch", "").want(404)
	j.vouches(c)
	read := j.send("admin", "GET", path, "").want(200)
	tag := read.header.Get("ETag")
	j.send("admin", "PATCH", path, `{"roles":["viewer","editor"]}`, "If-Match", tag).want(200)
	j.send("admin", "PATCH", path, `{"teams":[]}`, "If-Match", tag).want(412)
	if is := j.send("admin", "PATCH", path, `{"teams":["security"]}`).want(200); fmt.Sprint(is.object()["roles"], is.object()["teams"]) != "[viewer editor] [security]" {
		j.t.Errorf("what was not named did not stay: %s", clip(is.body))
	}
	j.send("admin", "PATCH", path, `{"roles":[]}`).want(422)
	j.send("admin", "PATCH", path, `{"email":"other@example.com"}`).want(422)
	for _, p := range j.send("admin", "GET", "/people", "").want(200).items() {
		if p["email"] == "admin@example.com" {
			me := fmt.Sprint("/people/", p["id"])
			j.send("admin", "PATCH", me, `{"roles":["admin","approver"]}`).want(403)
			j.send("admin", "POST", me+"/password", "").want(403)
		}
	}
	j.send("admin", "POST", path+"/password", "").want(403)
	j.send("admin", "POST", path+"/signout", `{"tokens":true}`).want(200)
	j.send("admin", "PATCH", path, `{"disabled":true}`).want(200)
	j.onlyWithItsScope(path)
}

// vouches makes a second admin, whom the command line vouches for, and lets this admin vouch for a person whom the first
// one added.
func (j *judge) vouches(c *harness.Console) {
	const add = `{"email":"omar@example.com","name":"Omar","roles":["viewer"],"external":true}`
	omar := fmt.Sprint("/people/", j.send("admin", "POST", "/people", add).want(201).number("id"), "/vouch")
	harness.MustCommand(j.t, []string{"PORTCULLIS_DATA_DIR=" + c.Data}, "",
		"user", "set", "--email", "approver2@example.com", "--role", "approver", "--role", "admin")
	if vouched := j.send("approver2", "POST", omar, "").want(200); vouched.object()["vouched"] == nil {
		j.t.Errorf("after a vouching: %s", clip(vouched.body))
	}
	j.send("approver2", "POST", omar, "").want(409)
	harness.MustCommand(j.t, []string{"PORTCULLIS_DATA_DIR=" + c.Data}, "",
		"user", "set", "--email", "approver2@example.com", "--role", "approver")
}

// onlyWithItsScope: a token of the admin that was not made for people is none for them.
func (j *judge) onlyWithItsScope(path string) {
	j.send(readOnly, "GET", path, "").want(403)
	j.send(rolloutOnly, "PATCH", path, `{"disabled":false}`).want(403)
}
