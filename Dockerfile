# The gateway's image: built from the lock, runs as its own user, writes only to /var/lib/hygeia.
FROM python:3.13-slim-bookworm AS build
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

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/hygeia --create-home hygeia
COPY --from=build /opt/hygeia /opt/hygeia
ENV PATH=/opt/hygeia/bin:$PATH
USER hygeia
VOLUME /var/lib/hygeia
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD \
  ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["hygeia"]
CMD ["run", "--config", "/etc/hygeia/hygeia.toml"]
