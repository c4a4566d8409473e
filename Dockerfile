# `build` installs the pinned dependencies, the service and its client into /app, and lists them and Debian's packages in
# /app/share/presign.cdx.json. `store` is the fake S3 of docker-compose.yml. The image, which is the last stage, is the
# base and /app: no pip, no compiler.
# A release names the base by the digest in deploy/image/base.Dockerfile, and the time of its commit.
ARG PYTHON=3.13
ARG BASE=python:${PYTHON}-slim

FROM ${BASE} AS build
ARG PYTHON
ARG SOURCE_DATE_EPOCH
# Equal sources give equal bytecode.
ENV PYTHONHASHSEED=0
WORKDIR /build
RUN python -m venv --without-pip /app
# With the extras otel, 5 MiB, and lambda, 2 MiB, as nothing can be installed in a container that runs.
COPY locks/runtime.lock ./
# botocore describes 400 services, 25 MB. Keep those of the service (s3, sts, sqs), of `presign revoke` and the demo's
# store (iam), of the configuration of a Lambda (ssm), and of the credential chain (sso, sso-oidc).
RUN pip --python /app install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes \
        --only-binary :all: --report pip-report.json -r runtime.lock \
 && find /app/lib/python${PYTHON}/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
    ! -name s3 ! -name sts ! -name sqs ! -name 'sso*' ! -name ssm ! -name iam -exec rm -r {} +
COPY locks/sbom.lock ./
RUN pip install --no-cache-dir --root-user-action=ignore --disable-pip-version-check --require-hashes \
        --only-binary :all: -r sbom.lock
COPY pyproject.toml README.md LICENSE openapi.yaml presign/
COPY docs/errors.md presign/docs/
COPY service presign/service
COPY client presign/client
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./presign ./presign/client \
 && pip --python /app install --no-cache-dir --no-compile --disable-pip-version-check --no-deps --no-index wheels/*.whl
COPY deploy/image/sbom.py ./
RUN mkdir /app/share \
 && dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' >dpkg-list \
 && python sbom.py /app pip-report.json wheels/presign_server-*.whl wheels/presign_client-*.whl dpkg-list \
    >/app/share/presign.cdx.json
# Bytecode by the hash of its source, which is not checked: times of files do not matter, and a start reads less.
# `-f` replaces what the steps above have run.
RUN /app/bin/python -m compileall -qf --invalidation-mode unchecked-hash /app/lib

FROM build AS store
COPY locks/demo.lock ./
RUN pip --python /app install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
        -r demo.lock
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 5000
ENTRYPOINT ["python", "-m", "service.demo.store"]
CMD ["--host", "0.0.0.0"]

FROM ${BASE}
ARG PYTHON
ARG SOURCE_DATE_EPOCH
LABEL org.opencontainers.image.title="presign" \
      org.opencontainers.image.description="Pre-signed S3 requests over HTTP" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# ensurepip contains a pip to install; no program here needs the set-user-ID bit.
RUN pip uninstall --yes --root-user-action=ignore pip \
 && rm -r "$(python -c 'import ensurepip; print(*ensurepip.__path__)')" \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PRESIGN_CONFIG=/etc/presign/presign.yaml
# The import tests the image. It also writes the bytecode of the standard library, which the base lacks
# and which a read-only root could not store. Equal sources give equal bytecode.
RUN PYTHONHASHSEED=0 python -sPc "import service.s3.botocore_endpoints, service.cli.serve, presign_client.commands.put, \
                       awslambdaric.bootstrap, runtime_client; \
                from service.app.protocols import PROTOCOLS; [each.served() for each in PROTOCOLS]"
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["presign"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
