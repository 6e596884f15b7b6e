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
access-analyzer account acm acm-pca airflow airflow-env amplify apidestinations.events apigateway ops.apigateway
app-integrations appconfig appfabric appflow application-autoscaling application-insights appmesh apprunner
build.apprunner tasks.apprunner appstream appsync aps arc-zonal-shift artifact athena auditmanager
autoscaling autoscaling-plans backup backup-gateway backup-storage batch bedrock bedrock-agentcore billing
billingconductor braket budgets ce channels.lex chatbot chime voiceconnector.chime cleanrooms cleanrooms-ml
cloud9 cloudformation hooks.cloudformation resources.cloudformation member.org.stacksets.cloudformation
stacksets.cloudformation cloudfront cloudfront-origin-access edgelambda logger.cloudfront vpcorigin.cloudfront
cloudhsm cloudsearch cloudtrail cloudwatch alarms.cloudwatch synthetics.cloudwatch codeartifact codebuild
codecatalyst codecatalyst-runner codecommit codedeploy codedeploy-ec2 codeguru-profiler codeguru-reviewer codepipeline
codestar codestar-connections codestar-notifications codewhisperer q cognito-identity cognito-idp
email.cognito-idp cognito-sync comprehend comprehendmedical compute-optimizer config config-multiaccountsetup
config-conforms connect connect-campaigns connector.iot controltower cost-optimization-hub cur dataexchange
datapipeline datasync datazone dax deadline credentials.deadline deepracer detective devicefarm devops-guru
directconnect directoryservice discovery dlm dms docdb-elastic drs dynamodb
accelerator.dynamodb dax.dynamodb replication.dynamodb dynamodb.application-autoscaling
ec2 ec2fleet ec2-instance-connect ec2.application-autoscaling spot spotfleet spot-instance vmie vpc-flow-logs
ecr pullthroughcache.ecr replication.ecr ecr-public ecs ecs-tasks ecs.application-autoscaling
eks eks-fargate eks-fargate-pods eks-nodegroup eks-connector pods.eks elasticache elasticbeanstalk
maintenance.elasticbeanstalk managedupdates.elasticbeanstalk elasticfilesystem elasticloadbalancing
elasticmapreduce elasticmapreduce.application-autoscaling emr-containers emr-serverless ops.emr-serverless
ops.emr-serverless elastictranscoder email evidently events schemas finspace firehose fis fms forecast
frauddetector fsx gamelift glacier globalaccelerator glue grafana greengrass groundstation guardduty
malware-protection.guardduty malware-protection-plan.guardduty health healthlake iam identitystore imagebuilder
importexport inspector inspector2 internetmonitor iot credentials.iot iotanalytics iotdeviceadvisor iotevents
iotfleetwise iotsitewise iotthingsgraph iottwinmaker iotwireless ivs kafka kafkaconnect kendra kinesis
kinesisanalytics kinesisvideo kms lakeformation lambda replicator.lambda launchwizard lex lexv2 license-manager
license-manager.member-account license-manager.master-account lightsail location logs delivery.logs
lookoutequipment lookoutmetrics lookoutvision m2 machinelearning macie macie2 managedblockchain
marketplace metering-marketplace deployment.marketplace procurement.marketplace mediaconnect mediaconvert
medialive mediapackage mediapackagev2 mediastore mediatailor medical-imaging memorydb mgn migrationhub dmsintegration.migrationhub mobilehub
monitoring monitoring.rds mq mwaa neptune network-firewall networkmanager nimble notifications oam omics
opensearchservice es aoss observability.aoss opsworks opsworks-cm organizations osis osis-pipelines outposts
panorama personalize pinpoint pipes polly pricing private-networks profile proton qbusiness qldb quicksight ram
rds export.rds enhanced-monitoring.rds rds.application-autoscaling rds-data redshift redshift-serverless
scheduler.redshift rekognition reporting.trustedadvisor resiliencehub resource-explorer-2 resource-groups
robomaker rolesanywhere route53 route53domains route53resolver rum s3 access-grants.s3 batchoperations.s3
backup.s3 malware-protection.s3 s3-outposts s3express sagemaker sagemaker.application-autoscaling savingsplans scheduler
schemas secretsmanager securityhub securitylake serverlessrepo servicecatalog servicecatalog-appregistry
servicediscovery servicequotas ses shield signer simspaceweaver sms smsvoice snowball sns sqs ssm
changemanager.ssm ssm-contacts ssm-incidents ssm-sap ssmmessages ssm-quicksetup sso sso-directory states storagegateway sts
support supportapp swf tagpolicies.tag textract timestream timestream-influxdb transcribe streaming.transcribe
transfer translate trustedadvisor verifiedpermissions verified-access vpc-lattice waf waf-regional wafv2
wellarchitected wisdom workdocs worklink workmail workspaces workspaces-web appstream.application-autoscaling
custom-resource.application-autoscaling lambda.application-autoscaling cassandra.application-autoscaling
kafka.application-autoscaling elasticache.application-autoscaling xray
`)
