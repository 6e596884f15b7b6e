package judge_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/judge"
)

const (
	home  = "111122223333"
	away  = "444455556666"
	bob   = "arn:aws:iam::" + home + ":role/Bob"
	alice = "arn:aws:iam::" + home + ":user/alice"
)

func parse(t *testing.T, kind judge.Kind, statements ...string) *judge.Document {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	doc, err := judge.Parse(text, kind)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return doc
}

func trustStatement(effect, principal string) string {
	return `{"Sid":"` + effect + `","Effect":"` + effect + `","Principal":` + principal + `,"Action":"sts:AssumeRole"}`
}

func identityStatement(effect, resource string) string {
	return `{"Effect":"` + effect + `","Action":"sts:*","Resource":"` + resource + `"}`
}

func user(account string) judge.Principal {
	return judge.Principal{ARN: "arn:aws:iam::" + account + ":user/alice", ID: "AIDAALICE", Account: account}
}

func assume(p judge.Principal) judge.Request {
	return judge.Request{Principal: p, Action: "sts:AssumeRole", Resource: bob}
}

func TestDecideTrustFollowsTheOrder(t *testing.T) {
	named := trustStatement("Allow", `{"AWS":"`+alice+`"}`)
	unnamed := strings.Replace(named, `"Sid":"Allow",`, "", 1)
	root := trustStatement("Allow", `{"AWS":"arn:aws:iam::`+home+`:root"}`)
	everyone := trustStatement("Allow", `{"AWS":"*"}`)
	deny := trustStatement("Deny", `{"AWS":"*"}`)
	allowOwn, denyOwn := identityStatement("Allow", bob), identityStatement("Deny", bob)
	other := identityStatement("Allow", bob+"2")
	for _, tt := range []struct {
		name      string
		trust     []string
		account   string // of the user
		own       []string
		session   []string
		want      judge.Reason
		statement string
	}{
		{"named, no policy", []string{named}, home, nil, nil, judge.GrantedByTrust, "Allow"},
		{"named second", []string{root, unnamed}, home, nil, nil, judge.GrantedByTrust, "#2"},
		{"everyone, no policy", []string{everyone}, home, nil, nil, judge.GrantedByTrust, "Allow"},
		{"account, no policy", []string{root}, home, nil, nil, judge.NotGrantedByIdentity, ""},
		{"account, other policy", []string{root}, home, []string{other}, nil, judge.NotGrantedByIdentity, ""},
		{"account, with policy", []string{root}, home, []string{other, allowOwn}, nil, judge.GrantedByTrust, "Allow"},
		{"named, own Deny", []string{named}, home, []string{allowOwn, denyOwn}, nil, judge.DeniedByIdentity, "#2"},
		{"named, session allows", []string{named}, home, nil, []string{allowOwn}, judge.GrantedByTrust, "Allow"},
		{"named, session silent", []string{named}, home, nil, []string{other}, judge.NotGrantedBySession, ""},
		{
			"named, session denies",
			[]string{named},
			home, nil,
			[]string{allowOwn, denyOwn},
			judge.DeniedBySession, "#2",
		},
		{
			"account, session silent",
			[]string{root},
			home,
			[]string{allowOwn},
			[]string{other},
			judge.NotGrantedBySession, "",
		},
		{"Deny after Allow", []string{named, deny}, home, []string{allowOwn}, nil, judge.DeniedByTrust, "Deny"},
		{"Deny before Allow", []string{deny, named}, home, []string{denyOwn}, nil, judge.DeniedByTrust, "Deny"},
		{"not trusted", []string{named}, away, []string{allowOwn}, nil, judge.NotTrusted, ""},
		{"not trusted, own Deny", []string{named}, away, []string{denyOwn}, nil, judge.DeniedByIdentity, "#1"},
		{"elsewhere, no policy", []string{everyone}, away, nil, nil, judge.NotGrantedByIdentity, ""},
		{"elsewhere, with policy", []string{everyone}, away, []string{allowOwn}, nil, judge.GrantedByTrust, "Allow"},
	} {
		own := judge.Policies{}
		if tt.own != nil {
			own.Identity = []*judge.Document{nil, parse(t, judge.IdentityPolicy, tt.own...)}
		}
		if tt.session != nil {
			own.Session = parse(t, judge.IdentityPolicy, tt.session...)
		}
		got := judge.DecideTrust(assume(user(tt.account)), home, parse(t, judge.TrustPolicy, tt.trust...), own)
		statement := ""
		if got.Statement != nil {
			statement = got.Statement.Name()
		}
		if got.Allowed != (tt.want == judge.GrantedByTrust) || got.Reason != tt.want || statement != tt.statement {
			t.Errorf("%s: got %v, %s, %q; want %s, %q",
				tt.name, got.Allowed, got.Reason, statement, tt.want, tt.statement)
		}
	}
	if got := judge.DecideTrust(assume(user(home)), home, nil, judge.Policies{}); got.Reason != judge.NotTrusted {
		t.Errorf("without a trust policy: got %v, want it not trusted", got)
	}
}

func TestPrincipals(t *testing.T) {
	session := judge.Principal{
		ARN: "arn:aws:sts::" + home + ":assumed-role/Admin/s1", RoleARN: "arn:aws:iam::" + home + ":role/Admin",
		ID: "AROAADMIN", Account: home,
	}
	china := judge.Principal{ARN: "arn:aws-cn:iam::" + home + ":user/alice", Account: home, Partition: "aws-cn"}
	const direct, delegated, no = judge.GrantedByTrust, judge.NotGrantedByIdentity, judge.NotTrusted
	for _, tt := range []struct {
		name      string
		principal string
		who       judge.Principal
		want      judge.Reason
	}{
		{"any, as text", `"*"`, user(home), direct},
		{"any", `{"AWS":"*"}`, user(home), direct},
		{"any federated user", `{"Federated":"*"}`, user(home), no},
		{"ARN", `{"AWS":["` + bob + `","` + alice + `"]}`, user(home), direct},
		{"ARN in other case", `{"AWS":"` + strings.ToUpper(alice) + `"}`, user(home), no},
		{"part of an ARN", `{"AWS":"arn:aws:iam::` + home + `:user/*"}`, user(home), no},
		{"unique ID", `{"AWS":"AIDAALICE"}`, user(home), direct},
		{"another unique ID", `{"AWS":"AIDABOB"}`, user(home), no},
		{"account", `{"AWS":"` + home + `"}`, user(home), delegated},
		{"account's root", `{"AWS":"arn:aws:iam::` + home + `:root"}`, user(home), delegated},
		{"account and ARN", `{"AWS":["` + home + `","` + alice + `"]}`, user(home), direct},
		{"another account", `{"AWS":"` + away + `"}`, user(home), no},
		{"root of another partition", `{"AWS":"arn:aws-cn:iam::` + home + `:root"}`, user(home), no},
		{"root of the partition", `{"AWS":"arn:aws-cn:iam::` + home + `:root"}`, china, delegated},
		{"service", `{"Service":"ec2.amazonaws.com"}`, user(home), no},
		{"session", `{"AWS":"arn:aws:sts::` + home + `:assumed-role/Admin/s1"}`, session, direct},
		{"another session", `{"AWS":"arn:aws:sts::` + home + `:assumed-role/Admin/s2"}`, session, no},
		{"session's role", `{"AWS":"arn:aws:iam::` + home + `:role/Admin"}`, session, direct},
		{"session's role by ID", `{"AWS":"AROAADMIN"}`, session, direct},
	} {
		doc := parse(t, judge.TrustPolicy, trustStatement("Allow", tt.principal))
		if got := judge.DecideTrust(assume(tt.who), home, doc, judge.Policies{}); got.Reason != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got.Reason, tt.want)
		}
	}
}

func TestActionsAndResources(t *testing.T) {
	request := judge.Request{
		Principal: user(home), Action: "sts:AssumeRole", Resource: bob, Keys: judge.Keys{"aws:username": "Bob"},
	}
	for elements, want := range map[string]bool{
		`"Action":"*","Resource":"*"`:                                                 true,
		`"Action":"sts:assumerole","Resource":"` + bob + `"`:                          true,
		`"Action":["sts:Tag*","STS:Assume????"],"Resource":"` + bob + `"`:             true,
		`"Action":"sts:AssumeRoleWithSAML","Resource":"*"`:                            false,
		`"NotAction":"sts:Tag*","Resource":"*"`:                                       true,
		`"NotAction":["sts:Tag*","sts:A*"],"Resource":"*"`:                            false,
		`"Action":"*","Resource":"` + strings.ToLower(bob) + `"`:                      false,
		`"Action":"*","Resource":["arn:aws:iam::*:role/A*","arn:aws:iam::*:role/B*"]`: true,
		`"Action":"*","Resource":"arn:*"`:                                             true,
		`"Action":"*","NotResource":"` + bob + `"`:                                    false,
		`"Action":"*","NotResource":"` + bob + `2"`:                                   true,
		`"Action":"*","Resource":"arn:aws:iam::*:role/${aws:username}"`:               true,
		`"Action":"*","Resource":"arn:aws:iam::*:role/${aws:userid}"`:                 false,
		`"Action":"*","Resource":"arn:aws:iam::*:role/${aws:userid, 'Bob'}"`:          true,
	} {
		doc := parse(t, judge.IdentityPolicy, `{"Effect":"Allow",`+elements+`}`)
		got := judge.DecideIdentity(request, judge.Policies{Identity: []*judge.Document{doc}})
		if got.Allowed != want {
			t.Errorf("%s: got %s, want allowed %v", elements, got.Reason, want)
		}
	}
}
