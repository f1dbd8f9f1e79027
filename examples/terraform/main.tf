# Deploys a CloudFormation stack with this provider's resources from Terraform.
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
  description = "The queue that Sales transfers to"
  type        = string
}

variable "contact_flow_id" {
  description = "The flow that transfers go through"
  type        = string
}

resource "aws_cloudformation_stack" "quick_connects" {
  name          = "quick-connects"
  template_body = file("${path.module}/../reference/quick-connect.yaml")

  parameters = {
    InstanceId    = var.instance_id
    QueueId       = var.queue_id
    ContactFlowId = var.contact_flow_id
  }
}

output "sales_arn" {
  value = aws_cloudformation_stack.quick_connects.outputs["SalesArn"]
}
