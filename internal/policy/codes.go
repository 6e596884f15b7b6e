package policy

// The stable codes of issues.
const (
	// What cannot work.
	CodeInvalid        = "state_invalid"     // the state cannot be compiled at all
	CodeProtectedRole  = "role_protected"    // a mapping names a role that must not be touched
	CodeAccountUnknown = "account_unknown"   // a mapping names an account that does not exist
	CodePartition      = "user_partition"    // user and role are in different partitions
	CodeTooLong        = "document_too_long" // a document does not fit its quota
	CodeEntryRefused   = "entry_refused"     // a private range and the like
	CodeRoleSameName   = "role_same_name"    // two roles of one account that IAM takes for one
	CodeUserOutside    = "user_outside"      // a user of an account outside the organization
	CodeUserSameName   = "user_same_name"    // two users of one account that IAM takes for one

	// What is dangerous: an error unless settings allow it.
	CodeWholeInternet = "entry_whole_internet" // 0.0.0.0/0 or ::/0
	CodeUnionTooLarge = "allowlist_too_large"  // all entries, or all allowlists of a user on a role, admit too much together

	// What asks for a second look.
	CodeRoleUnknown        = "role_unknown"           // a mapped role does not exist in an account
	CodeUserUnknown        = "user_unknown"           // a mapped user does not exist
	CodeReachesNothing     = "mapping_unreachable"    // a mapping reaches no account
	CodeOUUnknown          = "ou_unknown"             // a mapping names an OU that is not in the organization, or no longer
	CodeOUEmpty            = "ou_empty"               // a mapping names an OU without accounts
	CodeUserWithoutAccess  = "user_mapped_nowhere"    // no mapping of a user reaches a role
	CodeUntargetable       = "account_not_targetable" // a mapping names an account that is not written to
	CodeClosed             = "mapping_closed"         // all allowlists of a mapping are empty or expired: a Deny without condition
	CodeShortUserName      = "session_name_short"     // a one-letter user cannot be a session name
	CodeNearQuota          = "document_near_quota"    // a document uses more than 80 % of its quota
	CodeAllowlistUnused    = "allowlist_unused"
	CodeAllowlistEmpty     = "allowlist_empty"
	CodeAllowlistLarge     = "allowlist_large" // admits many addresses
	CodeLargeReach         = "reach_large"     // a change lets a user in from many addresses
	CodeEntryDuplicate     = "entry_duplicate"
	CodeEntryCovered       = "entry_covered" // lies within another entry
	CodeEntryExpiring      = "entry_expiring"
	CodeDocumentationRange = "entry_documentation"
	CodeOneFamily          = "allowlist_one_family"  // IPv4 only or IPv6 only
	CodeSpecialRange       = "entry_special_purpose" // reserved for something that is no network of people
	CodeRoleNameLong       = "role_name_long"        // path and name over 64 characters: no Switch Role
	CodeMFAAgeShort        = "mfa_age_short"
	CodeBypass             = "bypass"            // a statement of others lets principals in past the mappings
	CodeUserHoldsMore      = "user_holds_more"   // a mapped user has other permissions
	CodeUnmappedShutOut    = "unmapped_shut_out" // enforcement for everyone with networks in user-side policies

	// What is good to know.
	CodeEntryExpired          = "entry_expired"
	CodeVPCRegion             = "entry_vpc_region"
	CodeThroughAccount        = "role_through_account" // too long to name users: whole accounts are trusted, and users picked by name
	CodeFederatedAccess       = "role_federated"       // others let people in by SAML or OIDC; a warning if enforcement is everyone
	CodeNoMFA                 = "role_without_mfa"     // in production
	CodeSourceIdentityConsole = "source_identity_console"
	CodeUserTwice             = "user_twice"
	CodeRoleAmbiguous         = "role_ambiguous"
)
