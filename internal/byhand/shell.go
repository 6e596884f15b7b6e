package byhand

import "strings"

// header begins the script. Its arguments are the name of the change or rollout, and the role in each account, quoted.
const header = `#!/bin/sh
# Undo by hand: this script puts back the documents that were there before %s.
# It needs the AWS CLI, and the credentials of the console or others that may assume the role below. It does not need
# the console.
#
#   sh undo-by-hand.sh
#
# Set PORTCULLIS_DEPLOY_ROLE to use another role, and PORTCULLIS_EXTERNAL_ID if that role demands an external id.
# A document that others have edited since is replaced, too: read the commands before you run them.
# If a command fails, the script ends. Remove the cause, and run the script again.
# The console does not know what the script does. Stop rollouts first, and revert the change in the console afterwards:
# otherwise the next rollout writes the newer documents again.
set -eu

role=${PORTCULLIS_DEPLOY_ROLE:-%s}

# use_region PARTITION chooses a region, which both versions of the AWS CLI need.
use_region() {
	region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
	if [ -z "$region" ]; then
		case $1 in
		aws-cn) region=cn-north-1 ;;
		aws-us-gov) region=us-gov-west-1 ;;
		*) region=us-east-1 ;;
		esac
	fi
	export AWS_REGION="$region" AWS_DEFAULT_REGION="$region" AWS_PAGER=
}

# as_account ACCOUNT PARTITION assumes the role in an account, for the rest of the subshell.
as_account() {
	echo "Account $1" >&2
	use_region "$2"
	arn="arn:$2:iam::$1:role/$role"
	set -- --role-arn "$arn" --role-session-name portcullis-undo-by-hand
	if [ -n "${PORTCULLIS_EXTERNAL_ID:-}" ]; then
		set -- "$@" --external-id "$PORTCULLIS_EXTERNAL_ID"
	fi
	keys=$(aws sts assume-role "$@" --output text \
		--query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]')
	# The three keys contain no white space and no wildcard.
	set -f
	set -- $keys
	set +f
	export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2" AWS_SESSION_TOKEN="$3"
}

# unless_gone COMMAND... runs a command. It is no failure if the role, the user or the policy is gone.
unless_gone() {
	if ! message=$("$@" 2>&1); then
		case $message in
		*NoSuchEntity*) printf '  gone, so it is left out: %%s\n' "$message" >&2 ;;
		*)
			printf '%%s\n' "$message" >&2
			exit 1
			;;
		esac
	fi
}

# delete_old_versions ARN makes room for a version: IAM keeps five of a policy.
delete_old_versions() {
	versions=$(aws iam list-policy-versions --policy-arn "$1" --output text \
		--query 'Versions[?IsDefaultVersion==` + "`false`" + `].VersionId')
	for version in $versions; do
		if [ "$version" != None ]; then
			aws iam delete-policy-version --policy-arn "$1" --version-id "$version"
		fi
	done
}

# put_policy ARN PATH NAME DOCUMENT puts a managed policy in place.
put_policy() {
	if aws iam get-policy --policy-arn "$1" >/dev/null 2>&1; then
		delete_old_versions "$1"
		aws iam create-policy-version --policy-arn "$1" --policy-document="$4" --set-as-default >/dev/null
	else
		aws iam create-policy --path "$2" --policy-name "$3" --policy-document="$4" >/dev/null
	fi
}

# delete_policy ARN removes a managed policy that is attached to no user any more.
delete_policy() {
	if aws iam get-policy --policy-arn "$1" >/dev/null 2>&1; then
		delete_old_versions "$1"
		unless_gone aws iam delete-policy --policy-arn "$1"
	fi
}
`

const footer = `
echo "Done. Now revert the change in the console, so that it does not write the newer documents again." >&2
`

// quote makes a text one word of a POSIX shell, whatever it contains.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// oneLine makes a text safe in a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
