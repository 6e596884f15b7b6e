package sandbox

import (
	"regexp"
	"slices"
	"strings"
)

// validService reports whether a service principal is one that AWS knows. IAM refuses any other.
func validService(value string) bool {
	name, found := strings.CutSuffix(value, ".amazonaws.com")
	if !found {
		return false
	}
	if slices.Contains(services, name) {
		return true
	}
	service, region, found := strings.Cut(name, ".")
	return found && regionName.MatchString(region) && slices.Contains(services, service)
}

var regionName = regexp.MustCompile(`^[a-z]{2}(-gov)?-[a-z]+-[0-9]$`)

// services are the names of AWS's service principals, without the suffix. A service that is missing here
// is refused, as IAM refuses a name with a typing error: add it.
var services = strings.Fields(`
accelerator.dynamodb access-analyzer access-grants.s3 account acm acm-pca airflow airflow-env
alarms.cloudwatch amplify aoss apidestinations.events apigateway app-integrations appconfig appfabric appflow
application-autoscaling application-insights appmesh apprunner appstream appstream.application-autoscaling
appsync aps arc-zonal-shift artifact athena auditmanager autoscaling autoscaling-plans backup backup-gateway
backup-storage backup.s3 batch batchoperations.s3 bedrock bedrock-agentcore billing billingconductor braket
budgets build.apprunner cassandra.application-autoscaling ce changemanager.ssm channels.lex chatbot chime
cleanrooms cleanrooms-ml cloud9 cloudformation cloudfront cloudfront-origin-access cloudhsm cloudsearch
cloudtrail cloudwatch codeartifact codebuild codecatalyst codecatalyst-runner codecommit codedeploy
codedeploy-ec2 codeguru-profiler codeguru-reviewer codepipeline codestar codestar-connections
codestar-notifications codewhisperer cognito-identity cognito-idp cognito-sync comprehend comprehendmedical
compute-optimizer config config-conforms config-multiaccountsetup connect connect-campaigns connector.iot
controltower cost-optimization-hub credentials.deadline credentials.iot cur
custom-resource.application-autoscaling dataexchange datapipeline datasync datazone dax dax.dynamodb deadline
deepracer delivery.logs deployment.marketplace detective devicefarm devops-guru directconnect directoryservice
discovery dlm dms dmsintegration.migrationhub docdb-elastic drs dynamodb dynamodb.application-autoscaling ec2
ec2-instance-connect ec2.application-autoscaling ec2fleet ecr ecr-public ecs ecs-tasks
ecs.application-autoscaling edgelambda eks eks-connector eks-fargate eks-fargate-pods eks-nodegroup
elasticache elasticache.application-autoscaling elasticbeanstalk elasticfilesystem elasticloadbalancing
elasticmapreduce elasticmapreduce.application-autoscaling elastictranscoder email email.cognito-idp
emr-containers emr-serverless enhanced-monitoring.rds es events evidently export.rds finspace firehose fis fms
forecast frauddetector fsx gamelift glacier globalaccelerator glue grafana greengrass groundstation guardduty
health healthlake hooks.cloudformation iam identitystore imagebuilder importexport inspector inspector2
internetmonitor iot iotanalytics iotdeviceadvisor iotevents iotfleetwise iotsitewise iotthingsgraph
iottwinmaker iotwireless ivs kafka kafka.application-autoscaling kafkaconnect kendra kinesis kinesisanalytics
kinesisvideo kms lakeformation lambda lambda.application-autoscaling launchwizard lex lexv2 license-manager
license-manager.master-account license-manager.member-account lightsail location logger.cloudfront logs
lookoutequipment lookoutmetrics lookoutvision m2 machinelearning macie macie2 maintenance.elasticbeanstalk
malware-protection-plan.guardduty malware-protection.guardduty malware-protection.s3 managedblockchain
managedupdates.elasticbeanstalk marketplace mediaconnect mediaconvert medialive mediapackage mediapackagev2
mediastore mediatailor medical-imaging member.org.stacksets.cloudformation memorydb metering-marketplace mgn
migrationhub mobilehub monitoring monitoring.rds mq mwaa neptune network-firewall networkmanager nimble
notifications oam observability.aoss omics opensearchservice ops.apigateway ops.emr-serverless opsworks
opsworks-cm organizations osis osis-pipelines outposts panorama personalize pinpoint pipes pods.eks polly
pricing private-networks procurement.marketplace profile proton pullthroughcache.ecr q qbusiness qldb
quicksight ram rds rds-data rds.application-autoscaling redshift redshift-serverless rekognition
replication.dynamodb replication.ecr replicator.lambda reporting.trustedadvisor resiliencehub
resource-explorer-2 resource-groups resources.cloudformation robomaker rolesanywhere route53 route53domains
route53resolver rum s3 s3-outposts s3express sagemaker sagemaker.application-autoscaling savingsplans
scheduler scheduler.redshift schemas secretsmanager securityhub securitylake serverlessrepo servicecatalog
servicecatalog-appregistry servicediscovery servicequotas ses shield signer simspaceweaver sms smsvoice
snowball sns spot spot-instance spotfleet sqs ssm ssm-contacts ssm-incidents ssm-quicksetup ssm-sap
ssmmessages sso sso-directory stacksets.cloudformation states storagegateway streaming.transcribe sts support
supportapp swf synthetics.cloudwatch tagpolicies.tag tasks.apprunner textract timestream timestream-influxdb
transcribe transfer translate trustedadvisor verified-access verifiedpermissions vmie voiceconnector.chime
vpc-flow-logs vpc-lattice vpcorigin.cloudfront waf waf-regional wafv2 wellarchitected wisdom workdocs worklink
workmail workspaces workspaces-web xray
`)
