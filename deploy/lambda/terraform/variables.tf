variable "name" {
  description = "The name of the function, and the start of the names of everything else"
  type        = string
  default     = "presign"
}

variable "image_uri" {
  description = "The image in your ECR, by digest"
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image_uri))
    error_message = "Name the image by its digest: a tag can be moved."
  }
}

variable "bucket" {
  description = "The bucket whose objects are signed for"
  type        = string
}

variable "configuration_parameter" {
  description = "The parameter of SSM that holds presign.yaml"
  type        = string
  default     = "/presign/presign.yaml"
}

variable "external_id" {
  description = "The external_id of the bucket in presign.yaml"
  type        = string
}

variable "kms_key_arn" {
  description = "The key that the bucket encrypts with, or null"
  type        = string
  default     = null
}

variable "alarm_topic_arns" {
  description = "Where alarms go"
  type        = list(string)
  default     = []
}

variable "arrivals" {
  description = "Whether hooks are notified of what arrives in the bucket"
  type        = bool
  default     = false
}
