package view

import (
	"strconv"

	"github.com/a-h/templ"

	"portcullis.internal/portcullis/internal/access"
)

// accountRows are the rows of the list of accounts.
func accountRows(accounts []access.Account) templ.Component {
	return byHand(func(m *markup) {
		for _, a := range accounts {
			m.accountRow(a)
		}
	})
}

func (m *markup) accountRow(a access.Account) {
	m.ours(`<tr><td><a class="pc-main-cell" href="`)
	m.text(AccountURL(a.ID))
	m.ours(`">`)
	m.text(a.Name)
	m.ours(`</a><div class="pc-hint pc-nowrap"><span class="pc-mono">`)
	m.text(string(a.ID))
	m.ours(`</span> · `)
	m.text(a.OU)
	m.ours(`</div></td><td>`)
	m.accountBadges(a)
	m.ours(`</td><td class="pc-wrap">`)
	m.inventoryState(a)
	m.ours(`</td><td data-label="Pushed revision" class="pc-num">`)
	m.revision(a.PushedRevision)
	m.ours(`</td><td class="pc-tags">`)
	m.codes(sortedTags(a.Tags), 3)
	m.ours(`</td></tr>`)
}

func (m *markup) accountBadges(a access.Account) {
	m.badge("pc-dot pc-"+string(accountTone(a.State)), accountState(a.State))
	if a.Management {
		m.badge("pc-"+string(Accent), "Management")
	}
}

// inventoryState says when the account was last read, or why it was not.
func (m *markup) inventoryState(a access.Account) {
	switch {
	case a.InventoryError != "":
		m.badge("pc-"+string(Bad), "Cannot be read")
		m.ours(`<div class="pc-hint pc-clamp" title="`)
		m.text(a.InventoryError)
		m.ours(`">`)
		m.text(a.InventoryError)
		m.ours(`</div>`)
	case a.InventoryAt.IsZero():
		m.none("never read")
	default:
		m.ours(`<span class="pc-hint">read `)
		m.moment(a.InventoryAt, "ago")
		m.ours(`</span>`)
	}
}

func (m *markup) revision(n int64) {
	if n == 0 {
		m.none("none")
		return
	}
	*m = strconv.AppendInt(*m, n, 10)
}

func accountBadges(a access.Account) templ.Component {
	return byHand(func(m *markup) { m.accountBadges(a) })
}

func inventoryState(a access.Account) templ.Component {
	return byHand(func(m *markup) { m.inventoryState(a) })
}

func revision(n int64) templ.Component { return byHand(func(m *markup) { m.revision(n) }) }

// ouLinks are the lines of the tree of OUs: all accounts, and below them each unit that
// is shown. One of them is chosen.
func ouLinks(ous []access.OURow, chosen string) templ.Component {
	return byHand(func(m *markup) {
		m.ouLink("Organization", "", ouTotal(ous), chosen == "", 0)
		tree := unitsOf(ous)
		for _, ou := range ouTree(ous, tree, chosen) {
			m.ouLink(ou.Name, ou.ID, ou.Total, chosen == ou.ID, len(tree.Chain(ou.ID)))
		}
	})
}

func (m *markup) ouLink(name, id string, n int, active bool, depth int) {
	m.ours(`<li class="pc-depth-`)
	m.number(min(depth, 6))
	m.ours(`"><a href="`)
	m.text(AccountsInURL(id))
	m.ours(`"`)
	if active {
		m.ours(` aria-current="page"`)
	}
	m.ours(`><span>`)
	m.text(name)
	m.ours(`</span> <span class="pc-count">`)
	m.number(n)
	m.ours(`</span></a></li>`)
}
