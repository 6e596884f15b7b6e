package hostile

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
)

// services are the services, with nothing behind them: what looks anything up before it
// has authorised falls flat.
func services() map[string]any {
	var nothing *store.Store
	return map[string]any{
		"change":  change.New(change.Config{Store: nothing}),
		"rollout": rollout.New(rollout.Config{Store: nothing}),
		"drift":   drift.New(drift.Config{Store: nothing}),
		"authn":   authn.New(authn.Config{Store: nothing}),
	}
}

// withoutActor are the methods that ask for no actor, and why.
var withoutActor = map[string]string{
	"change.KeepTime":        "a background part; no route leads to it",
	"change.WorkAhead":       "a background part; no route leads to it",
	"rollout.Run":            "a background part; no route leads to it",
	"drift.ReadOrganization": "a background part; no route leads to it",
	"drift.ReadInventory":    "a background part; no route leads to it",
	"drift.Compare":          "a background part; no route leads to it",
	"drift.ScanAll":          "a background part; no route leads to it",
	"authn.SignIn":           "checks a password and yields an actor",
	"authn.SignInBrowser":    "checks a password and yields an actor and a proof",
	"authn.ChoosePassword":   "checks the secret of a link and acts for its person",
	"authn.Actor":            "yields the actor of a session",
	"authn.TokenActor":       "yields the actor of a token",
}

// forAnybody are the methods that an actor without any role may call.
var forAnybody = map[string]string{
	"authn.SignOut":     "ends the caller's own session",
	"authn.NoteRefusal": "puts on record that somebody was refused, whoever they are; it does not act for them",
}

var (
	actorType   = reflect.TypeFor[access.Actor]()
	contextType = reflect.TypeFor[context.Context]()
)

func TestEveryMethodAuthorises(t *testing.T) {
	nobody := access.Actor{}
	roleless := access.Actor{Kind: access.ActorPerson, PersonID: 7, Name: "Roleless", Addr: netip.MustParseAddr("192.0.2.1")}
	scopeless := roleless
	scopeless.Kind, scopeless.TokenID, scopeless.Roles = access.ActorToken, 9, access.Roles()
	tried := 0
	for service, s := range services() {
		v := reflect.ValueOf(s)
		for i := range v.NumMethod() {
			method := service + "." + v.Type().Method(i).Name
			if !takesActor(v.Method(i).Type()) {
				if fails(v.Method(i).Type()) && withoutActor[method] == "" {
					t.Errorf("%s asks for no actor, and is not in the list of those that need none", method)
				}
				continue
			}
			if forAnybody[method] != "" {
				continue
			}
			tried++
			for who, actor := range map[string]access.Actor{"nobody": nobody, "a person without a role": roleless, "a token without a scope": scopeless} {
				switch err := call(v.Method(i), actor); access.KindOf(err) {
				case access.KindUnauthenticated, access.KindForbidden:
				default:
					t.Errorf("%s by %s: %v; want a refusal before anything else", method, who, err)
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d methods were tried; they are found wrongly", tried)
	}
}

// takesActor reports whether a method takes a context and an actor.
func takesActor(f reflect.Type) bool {
	return f.NumIn() >= 2 && f.In(0) == contextType && f.In(1) == actorType
}

// fails reports whether a method does something that can fail, as whatever reads or
// writes can.
func fails(f reflect.Type) bool {
	return f.NumOut() > 0 && f.Out(f.NumOut()-1) == reflect.TypeFor[error]()
}

// call calls a method with nothing but an actor.
func call(method reflect.Value, actor access.Actor) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it went on, until: %v", p)
		}
	}()
	args := []reflect.Value{reflect.ValueOf(context.Background()), reflect.ValueOf(actor)}
	given := method.Type().NumIn()
	if method.Type().IsVariadic() {
		given-- // options are not given
	}
	for i := 2; i < given; i++ {
		args = append(args, reflect.Zero(method.Type().In(i)))
	}
	out := method.Call(args)
	err, _ = out[len(out)-1].Interface().(error)
	if err == nil {
		return fmt.Errorf("it was carried out")
	}
	return err
}
