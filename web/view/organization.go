package view

import "portcullis.internal/portcullis/internal/access"

// ConfirmationURL shows what admins are asked to confirm, and takes their word.
func ConfirmationURL() string { return AccountsURL() + "/confirmation" }

// LeftBehindURL lists the documents in accounts that are not active.
func LeftBehindURL() string { return AccountsURL() + "/left-behind" }

func confirmationTitle(c access.SyncConfirmation) string {
	if c.Kind == access.ConfirmOrganization {
		return "The AWS credentials belong to another organization."
	}
	return Count(c.Lost, "active account is", "active accounts are") + " no longer in the organization."
}

func confirmationLink(c access.SyncConfirmation) string {
	if c.Kind == access.ConfirmOrganization {
		return "Compare the organizations, and confirm"
	}
	return "See the accounts, and confirm"
}

func acceptLabel(c access.SyncConfirmation) string {
	if c.Kind == access.ConfirmOrganization {
		return "Accept " + c.Seen + " as the organization"
	}
	return "Confirm that " + Count(c.Count, "account has", "accounts have") + " left"
}

// awaitedError reports whether the error of the last sync is that it awaits confirmation.
func awaitedError(r access.OrganizationRecord) bool {
	return r.Awaits != nil && r.Error == r.Awaits.Sentence()
}

// scanFails reports whether no account was read since a scan failed for a reason that is not of an account.
func scanFails(s access.ScanRecord) bool {
	return s.Error != "" && s.Account == "" && s.ErrorAt.After(s.SucceededAt)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
