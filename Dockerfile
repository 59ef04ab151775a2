# One image for every role; what a container is, its command says (docker-compose.yml).
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/yidi
# Exact versions with hashes; in a layer of its own, since the code changes more often.
COPY requirements-image.lock ./
RUN /opt/yidi/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --requirement requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY protocol ./protocol
COPY broker ./broker
COPY nodes ./nodes
COPY scenarios ./scenarios
RUN /opt/yidi/bin/pip install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-build-isolation .

FROM python:3.13-slim
COPY --from=build /opt/yidi /opt/yidi
# A volume that is mounted here for the first time takes over the owner of these folders.
RUN groupadd --gid 10001 yidi \
    && useradd --uid 10001 --gid yidi --no-create-home --shell /usr/sbin/nologin yidi \
    && install --directory --owner yidi --group yidi --mode 0700 /network /data
ENV PATH=/opt/yidi/bin:$PATH LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
ENTRYPOINT ["yidi"]
CMD ["--help"]
