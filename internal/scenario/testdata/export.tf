# Portcullis, revision 7: account 111122223333 (payments }" %{ if true }).
# Only the trust policy of a role is managed here. What else the role has stays as it is.

import {
  to = aws_iam_role.r_1st_role_7c3671ca
  id = "1st+role"
}

resource "aws_iam_role" "r_1st_role_7c3671ca" {
  name = "1st+role"
  path = "/"

  assume_role_policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "PortcullisAllow1",
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::111122223333:user/alice"
          },
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": {
              "sts:RoleSessionName": "$${aws:username}"
            }
          }
        }
      ]
    }
  JSON

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [description, force_detach_policies, max_session_duration, permissions_boundary, tags, tags_all]
  }
}

import {
  to = aws_iam_role.r_team_a_Bob_6d523c20
  id = "Bob"
}

resource "aws_iam_role" "r_team_a_Bob_6d523c20" {
  name = "Bob"
  path = "/team-a/"

  assume_role_policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "PortcullisAllow1",
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::111122223333:user/alice"
          },
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": {
              "sts:RoleSessionName": "$${aws:username}"
            }
          }
        }
      ]
    }
  JSON

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [description, force_detach_policies, max_session_duration, permissions_boundary, tags, tags_all]
  }
}

import {
  to = aws_iam_role.team_a_Bob
  id = "team_a_Bob"
}

resource "aws_iam_role" "team_a_Bob" {
  name = "team_a_Bob"
  path = "/"

  assume_role_policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "PortcullisAllow1",
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::111122223333:user/alice"
          },
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": {
              "sts:RoleSessionName": "$${aws:username}"
            }
          }
        }
      ]
    }
  JSON

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [description, force_detach_policies, max_session_duration, permissions_boundary, tags, tags_all]
  }
}

resource "aws_iam_user_policy" "r_ops_dave_example_com_8cf7ee92" {
  user = "dave@example.com"
  name = "PortcullisAssumeRole"

  policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "PortcullisAssumeRole",
          "Effect": "Allow",
          "Action": "sts:AssumeRole",
          "Resource": "arn:aws:iam::111122223333:role/team-a/Bob"
        }
      ]
    }
  JSON
}

import {
  to = aws_iam_policy.r_portcullis_Portcullis_alice_1_e395abdb
  id = "arn:aws:iam::111122223333:policy/portcullis/Portcullis-alice-1"
}

resource "aws_iam_policy" "r_portcullis_Portcullis_alice_1_e395abdb" {
  name = "Portcullis-alice-1"
  path = "/portcullis/"

  policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "PortcullisGate",
          "Effect": "Allow",
          "Action": "sts:AssumeRole",
          "Resource": "*",
          "Condition": {
            "IpAddress": {
              "aws:SourceIp": [
                "103.15.250.0/24"
              ]
            }
          }
        }
      ]
    }
  JSON
}

resource "aws_iam_user_policy_attachment" "r_portcullis_Portcullis_alice_1_e395abdb_alice" {
  user       = "alice"
  policy_arn = aws_iam_policy.r_portcullis_Portcullis_alice_1_e395abdb.arn
}
