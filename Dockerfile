# The example site in one image. It serves with Django's development server: it is for
# trying trustbackup out, not for a shop that sells something.
FROM python:3.11-slim-bookworm

# pg_dump must not be older than the server: compose.yml runs the same major version.
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10001 shop \
    && install -d -o shop -g shop -m 0700 /data/backups /data/media

WORKDIR /srv/shop
COPY . .
RUN PIP_CONSTRAINT=constraints.txt \
    pip install --no-cache-dir --disable-pip-version-check -e '.[webshop,postgres]'

ENV PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=webshop.settings \
    MEDIA_ROOT=/data/media \
    TRUSTBACKUP_ROOT=/data/backups

USER 10001
VOLUME ["/data/backups", "/data/media"]
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/', timeout=4)"]

CMD ["sh", "-c", "python manage.py migrate --verbosity 0 && python manage.py load_sample_data && python manage.py create_demo_admin && exec python manage.py runserver 0.0.0.0:8000 --noreload"]
