# Forebay as an image: built with the lock file, run by a user who owns nothing but the cache.
#   docker build -t forebay .

FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock ./
# Only what runs: what tests and checks add stands below the mark.
RUN python -m venv /opt/forebay \
    && sed '/^# --- what tests/,$d' requirements.lock > runtime.lock \
    && /opt/forebay/bin/pip install --no-cache-dir --require-hashes --requirement runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway ./gateway
RUN /opt/forebay/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/forebay --create-home forebay \
    && install -d -o forebay -g forebay -m 0700 /var/lib/forebay/flash
COPY --from=build /opt/forebay /opt/forebay
# Mount a file of your own over this one, or set the rest by FOREBAY_... in the environment.
RUN install -d /etc/forebay && printf '%s\n' \
    '[s3]' 'listen = "0.0.0.0:9000"' \
    '[admin]' 'listen = "0.0.0.0:9090"' \
    '[flash]' 'path = "/var/lib/forebay/flash"' \
    > /etc/forebay/forebay.toml
ENV PATH=/opt/forebay/bin:$PATH PYTHONUNBUFFERED=1
USER forebay
WORKDIR /var/lib/forebay
VOLUME /var/lib/forebay/flash
EXPOSE 9000 9090
# SIGTERM drains; give `docker stop` more time than s3.drain_seconds (30 s).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9090/ready', timeout=2)"]
ENTRYPOINT ["forebay"]
CMD ["serve", "--config", "/etc/forebay/forebay.toml"]
