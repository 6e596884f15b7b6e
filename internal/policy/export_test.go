package policy

// What tests outside of the package use; those may import the scenario.
var (
	TestNow       = testNow
	SomeInventory = someInventory
	Trusting      = trusting
)

const FederatedSAML = federatedSAML
