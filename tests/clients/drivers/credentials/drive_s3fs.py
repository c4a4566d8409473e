import sys

import s3fs

bucket, own, neighbours = sys.argv[1:]
fs = s3fs.S3FileSystem()
for number in range(3):
    fs.pipe_file(f"{bucket}/{own}{number}", b"hello")
    assert fs.cat_file(f"{bucket}/{own}{number}") == b"hello"
print(len(fs.ls(f"{bucket}/{own}", refresh=True)))
try:
    fs.cat_file(f"{bucket}/{neighbours}")
except PermissionError as error:
    print(error.__cause__.response["Error"]["Code"])
