// Package authn finds out who is there: people who sign in with a password or by the word
// of an identity provider, and API tokens. It yields an access.Actor and decides nothing about what
// the actor may do, save for its own methods on people and tokens.
//
//	anonymous ──SignIn──▶ session ──every request──▶ Actor (person, roles re-read)
//	                         │ SignOut, idle or absolute timeout, new password
//	                         ▼
//	                     anonymous
//
// Nothing that would let somebody in is stored as it is: of a password an argon2id
// hash, of a session's or API token's secret its SHA-256. A wrong password, an unknown
// e-mail and a disabled person get the same answer after the same work. Failures are
// counted in the database, so that all replicas share the count. A browser in which a person has
// signed in before has its own counter, so that strangers cannot lock the person out.
//
// # Files
//
//	service.go       configuration, and the actor behind a session
//	sign_in.go       passwords checked, attempts limited and recorded
//	browsers.go      browsers that a person has signed in with before
//	password.go      argon2id in the PHC string format
//	people.go        local accounts
//	invite.go        links with which people choose a password
//	vouch.go         who vouches for a person
//	last.go          the last person who can do something
//	oidc.go          sign-in at an identity provider: the code flow
//	oidc_claims.go   its claims, from the ID token and from UserInfo
//	oidc_people.go   whom its claims mean here, and what their groups give
//	tokens.go        API tokens
//	refusals.go      what somebody may not, on record
//	signed_in.go     the sessions of a person, listed and ended
//	sessions.go      browser sessions and their cookie
//	session_store.go scs's store over ours
//	store.go         what the package needs of the database
package authn
