# Two stages. `build` installs the pinned dependencies into /app; the image is the base, /app and the
# package: no pip, no compiler, nothing of the checkout but service/ and the contract it serves.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG PYTHON
RUN python -m venv --without-pip /app
COPY requirements.lock .
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /app --cache-dir /var/cache/pip install --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
# botocore describes 400 services, 25 MB. These are the service's own (s3, sts), the chain's that looks
# for credentials (sso, sso-oidc) and the demo's (iam).
RUN cd /app/lib/python${PYTHON}/site-packages/botocore/data \
 && find . -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name 'sso*' ! -name iam -exec rm -r {} +

FROM python:${PYTHON}-slim
ARG PYTHON
LABEL org.opencontainers.image.title="presign" \
      org.opencontainers.image.description="Pre-signed S3 requests over HTTP" \
      org.opencontainers.image.licenses="MIT"
RUN pip uninstall --yes --root-user-action=ignore pip
COPY --from=build /app /app
COPY service /app/lib/python${PYTHON}/site-packages/service
COPY openapi.yaml /app/lib/python${PYTHON}/site-packages/service/
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PRESIGN_CONFIG=/etc/presign/presign.yaml
# The import proves the image, and leaves the bytecode of the standard library, which the base lacks
# and a read-only root could not keep.
RUN python -m compileall -q /app/lib/python${PYTHON}/site-packages/service \
 && python -Ic "import service.app, service.__main__, service.demo"
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "-m", "service"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
