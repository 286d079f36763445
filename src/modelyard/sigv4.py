"""AWS Signature Version 4: who signed this request, and is it what was signed?

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""
