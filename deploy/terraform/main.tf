# The deployment role that the console assumes in this account, and the permissions boundary
# of the users whose policies it writes. The same as ../stackset.yaml.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account         = data.aws_caller_identity.this.account_id
  iam             = "arn:${data.aws_partition.this.partition}:iam::${local.account}"
  console_account = split(":", var.console_principal_arn)[4]
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid       = "AssumeRoles"
    actions   = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    resources = ["arn:${data.aws_partition.this.partition}:iam::*:role/${var.managed_roles}"]
  }
  statement {
    sid       = "WhoAmI"
    actions   = ["sts:GetCallerIdentity", "iam:GetAccountPasswordPolicy", "iam:ListVirtualMFADevices"]
    resources = ["*"]
  }
  statement {
    sid = "OwnCredentials"
    actions = [
      "iam:GetUser", "iam:ChangePassword", "iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey",
      "iam:GetAccessKeyLastUsed", "iam:ListMFADevices", "iam:EnableMFADevice", "iam:ResyncMFADevice",
    ]
    resources = ["${local.iam}:user/*$${aws:username}"]
  }
  statement {
    sid       = "OwnMFADevice"
    actions   = ["iam:CreateVirtualMFADevice"]
    resources = ["${local.iam}:mfa/*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name = "portcullis-user-boundary"
  # IAM cannot change the description of a managed policy: another text would replace the policy.
  description = "The most that a restricted user can do - assume roles and manage their own credentials"
  policy      = data.aws_iam_policy_document.boundary.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Console"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${local.console_account}:root"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [var.console_principal_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = [var.organization_id]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  statement {
    sid = "Read"
    actions = [
      "iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary", "iam:GetRole", "iam:GetUser", "iam:GetUserPolicy",
      "iam:ListAttachedUserPolicies", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions",
    ]
    resources = ["*"]
  }
  statement {
    sid       = "WriteTrust"
    actions   = ["iam:UpdateAssumeRolePolicy"]
    resources = ["${local.iam}:role/${var.managed_roles}"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/portcullis-managed"
      values   = ["true"]
    }
  }
  statement {
    sid       = "WriteUserPolicy"
    actions   = ["iam:PutUserPolicy", "iam:DeleteUserPolicy"]
    resources = ["${local.iam}:user/*"]
    dynamic "condition" {
      for_each = var.require_boundary ? [aws_iam_policy.boundary.arn] : []
      content {
        test     = "StringEquals"
        variable = "iam:PermissionsBoundary"
        values   = [condition.value]
      }
    }
  }
  statement {
    sid       = "WriteUserSidePolicies"
    actions   = ["iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:DeletePolicy"]
    resources = ["${local.iam}:policy/portcullis/*"]
  }
  statement {
    sid       = "AttachUserSidePolicies"
    actions   = ["iam:AttachUserPolicy", "iam:DetachUserPolicy"]
    resources = ["${local.iam}:user/*"]
    condition {
      test     = "ArnLike"
      variable = "iam:PolicyARN"
      values   = ["${local.iam}:policy/portcullis/*"]
    }
    dynamic "condition" {
      for_each = var.require_boundary ? [aws_iam_policy.boundary.arn] : []
      content {
        test     = "StringEquals"
        variable = "iam:PermissionsBoundary"
        values   = [condition.value]
      }
    }
  }
  statement {
    sid         = "NeverSelf"
    effect      = "Deny"
    not_actions = ["iam:Get*", "iam:List*"]
    resources = [
      "${local.iam}:role/${var.role_name}*", "${local.iam}:role/OrganizationAccountAccessRole", "${local.iam}:role/aws-reserved/*",
      "${local.iam}:role/aws-service-role/*", "${local.iam}:role/stacksets-exec-*",
    ]
  }
}

resource "aws_iam_role" "deploy" {
  name                 = var.role_name
  description          = "Assumed by the Portcullis console to read IAM and to write trust policies, PortcullisAssumeRole and user-side policies"
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "deploy" {
  name   = "Portcullis"
  role   = aws_iam_role.deploy.id
  policy = data.aws_iam_policy_document.deploy.json
}
