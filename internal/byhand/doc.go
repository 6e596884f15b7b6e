// Package byhand writes the shell script that puts former documents back without the console: commands of the AWS CLI,
// grouped by account. It reads the operations of a plan or of a rollout, where Before is the former document.
//
// The script keeps the order of writes of package order in four rounds over the accounts:
//
//	1  trust policies, with a Deny for the users whom the former documents do not admit
//	2  accounts with user-side policies: the reverse of the order in which these were written
//	3  user policies
//	4  trust policies without that Deny
//
// So a trust policy is in place before a user policy opens its role, and a role is closed to a user before the policy
// of the user is removed. A command that fails ends the script; the script can be run again.
//
// The package is pure: its caller hands it the targets, and writes the text. It may import access, iam and order.
//
// # Files
//
//	script.go  the rounds; shell.go the text of the script around them
//	trust.go   the forms of a trust policy
package byhand
