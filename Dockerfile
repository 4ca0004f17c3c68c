# callwright with what Prefect's server needs for PostgreSQL and Redis: one image for all of our services in
# docker-compose.yml. Nothing secret goes in; passwords and keys come from the environment when it runs.

FROM python:3.11.15-slim-bookworm AS build
RUN python -m venv /opt/callwright
WORKDIR /source
COPY . .
RUN /opt/callwright/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint requirements/constraints.txt '.[server]'

FROM python:3.11.15-slim-bookworm
COPY --from=build /opt/callwright /opt/callwright
COPY prefect.yaml /app/
# A named volume takes over the owner of the folder that it is mounted on.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp callwright \
    && install --directory --owner=callwright --group=callwright /data
ENV PATH=/opt/callwright/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    CALLWRIGHT_DATA=/data/warehouse
USER 10001:10001
WORKDIR /app
CMD ["callwright", "--help"]
