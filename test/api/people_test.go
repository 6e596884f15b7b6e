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
	initial := made.text("first_password")
	path := fmt.Sprint("/people/", made.number("id"))
	if initial == "" || made.header.Get("Location") != "/api/v1"+path {
		j.t.Errorf("added at %s with the password %q", made.header.Get("Location"), initial)
	}
	again := j.send("admin", "POST", "/people", add, "Idempotency-Key", "nina").want(201)
	if again.text("first_password") != "" || again.number("id") != made.number("id") {
		j.t.Errorf("repeated, it answers %s: want the same person without the password", clip(again.body))
	}
	j.send("admin", "POST", "/people", add).want(409)
	j.send("admin", "POST", "/people", `{"email":"x","name":"","roles":["root"]}`).want(422)
	j.send("admin", "POST", "/people", `{"email":"x@example.com","name":"x","roles":["viewer"],"password":"chosen by me"}`).want(422)
	if page := j.send("admin", "GET", "/people", "").want(200); len(page.items()) < 8 {
		j.t.Errorf("%d people are listed", len(page.items()))
	}
	nina := harness.Person{Name: "nina", Password: initial}
	due := c.SignIn(nina).Get("/changes")
	if !strings.Contains(due.Text(), "Choose a password of your own") {
		j.t.Errorf("with the first password: %s", due.Text())
	}
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
	reset := j.send("admin", "POST", path+"/password", `{"keep_tokens":true}`).want(200)
	if next := reset.text("first_password"); next == "" || next == initial {
		j.t.Errorf("reset to %q", next)
	}
	j.send("admin", "POST", path+"/signout", `{"tokens":true}`).want(200)
	j.send("admin", "PATCH", path, `{"disabled":true}`).want(200)
	j.onlyWithItsScope(path)
}

// onlyWithItsScope: a token of the admin that was not made for people is none for them.
func (j *judge) onlyWithItsScope(path string) {
	j.send(readOnly, "GET", path, "").want(403)
	j.send(rolloutOnly, "PATCH", path, `{"disabled":false}`).want(403)
}
