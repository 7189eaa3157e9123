# The gateway's image: built from the lock, runs as its own user, writes only to /var/lib/hygeia. Nothing here depends on
# the architecture: the lock names the wheels of x86-64 and aarch64.
# Not built by us: no container engine was at hand. scripts/image_steps.sh runs the same steps in a folder.
FROM python:3.13.9-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
ENV UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/hygeia UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
COPY pyproject.toml uv.lock README.md LICENSE ./
# The extra `print`: PDFs of manifests and labels have their Chinese glyphs inside (ADR 15).
RUN uv sync --locked --no-dev --extra print --no-install-project
COPY alerts alerts
COPY custody custody
COPY dashboards dashboards
COPY devices devices
COPY gateway gateway
RUN uv sync --locked --no-dev --extra print --no-editable

FROM python:3.13.9-slim-bookworm
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hygeia-gateway" \
      org.opencontainers.image.description="Online-monitoring gateway for drinking water and medical waste" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
# What nobody needs at run time and an intruder might.
RUN pip uninstall -y pip \
 && groupadd --system --gid 10001 hygeia \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/hygeia --no-create-home hygeia \
 && install -d -o hygeia -g hygeia -m 0700 /var/lib/hygeia \
 && install -d -o hygeia -g hygeia /etc/hygeia /dashboards
COPY --from=build /opt/hygeia /opt/hygeia
ENV PATH=/opt/hygeia/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# Every command finds ./hygeia.toml.
WORKDIR /etc/hygeia
VOLUME /var/lib/hygeia
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD \
  ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["hygeia"]
CMD ["run"]
