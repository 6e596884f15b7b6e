package web

// pagesChanges is what the pages need of the change service.
type pagesChanges interface {
	OverviewService
	AllowlistService
	EntryService
	MappingService
	ExplainService
	ChangeReader
	ChangeEditor
	ChangeReviewer
	Scheduler
	AllowlistLister
	HistoryService
	SettingsService
	Pusher
	Adopter
	AccountService
	AuditService
	ScenarioService
}

// pagesRollouts is what the pages need of the rollout service.
type pagesRollouts interface {
	RolloutLister
	StrategyLister
	StrategyStore
	RolloutViewer
	RolloutController
	TargetService
}

// pagesOrganization is what the pages need of the drift service.
type pagesOrganization interface {
	FindingCounter
	Syncer
	FindingService
}

// pagesIdentity is what the pages need of the sign-in service.
type pagesIdentity interface {
	SignInService
	TokenService
	PeopleService
	TokenLister
	ProfileService
}
