package pages

// Changes is what the pages need of the change service.
type Changes interface {
	OUReader
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
	StrategyService
	Pusher
	Adopter
	AccountService
	AuditService
	ScenarioService
}

// Rollouts is what the pages need of the rollout service.
type Rollouts interface {
	RolloutLister
	RolloutViewer
	RolloutController
	TargetService
}

// Organization is what the pages need of the drift service.
type Organization interface {
	FindingCounter
	Syncer
	SyncAccepter
	LeftBehindLister
	FindingService
}

// Identity is what the pages need of the sign-in service.
type Identity interface {
	SignInService
	PasswordChooser
	TokenService
	PeopleService
	TokenLister
	ProfileService
}
