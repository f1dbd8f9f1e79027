# Deploys a CloudFormation stack for each template from Terraform.
#
# First deploy the provider with `make deploy`. Terraform's identity needs lambda:InvokeFunction on
# its functions. Then run in this folder:
#
#   terraform init
#   terraform apply -var instance_id=... -var queue_id=... -var contact_flow_id=...
#
# The same commands work against `make sandbox`.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "instance_id" {
  description = "The id or ARN of the Connect instance"
  type        = string
}

variable "queue_id" {
  description = "The queue that Sales transfers to, and that offers Escalation"
  type        = string
}

variable "contact_flow_id" {
  description = "The flow that transfers go through"
  type        = string
}

# To add a stack, add its name and template.
locals {
  templates = {
    quick-connects = "quick-connect.yaml"
    queue-offers   = "queue-quick-connects.yaml"
  }
}

resource "aws_cloudformation_stack" "connect" {
  for_each = local.templates

  name          = each.key
  template_body = file("${path.module}/../reference/${each.value}")

  parameters = {
    InstanceId    = var.instance_id
    QueueId       = var.queue_id
    ContactFlowId = var.contact_flow_id
  }
}

output "sales_arn" {
  value = aws_cloudformation_stack.connect["quick-connects"].outputs["SalesArn"]
}

output "offered_count" {
  value = aws_cloudformation_stack.connect["queue-offers"].outputs["OfferedCount"]
}
