"""Ready-made lines by which other programs back this site up before they change it.

The wait of one request is bounded, a backup is not: the same request is sent again, and its
``Idempotency-Key`` makes it the same run, until that has ended. 201 is a backup that was made;
whatever else comes last ends the script with an error, and what follows is not begun.
"""

from __future__ import annotations

from textwrap import indent

_SCRIPT = """\
for attempt in $(seq 60); do
  status=$(curl --silent --show-error --max-time 120 \\
    --output backup.json --write-out '%{http_code}' \\
    -X POST -H "Authorization: Bearer $BACKUP_TOKEN" -H "Content-Type: application/json" \\
    -H "Idempotency-Key: deploy-{key}" -d '{"name": "before deploy"}' \\
    "{address}?wait=60")
  [ "$status" = 202 ] || break
done
cat backup.json
[ "$status" = 201 ]
"""

_GITHUB = """\
jobs:
  backup:
    runs-on: ubuntu-latest
    steps:
      - name: Back up before the deployment
        shell: bash
        env:
          BACKUP_TOKEN: ${{ secrets.BACKUP_TOKEN }}
        run: |
{script}
  deploy:
    needs: backup
    runs-on: ubuntu-latest
    steps:
      - run: echo "What deploys the site stands here."
"""

_GITLAB = """\
stages: [backup, deploy]

backup:
  stage: backup
  image:
    name: curlimages/curl
    entrypoint: [""]
  script:
    - |
{script}

deploy:
  stage: deploy
  script:
    - echo "What deploys the site stands here."
"""


def curl_line(address: str) -> str:
    """One request, for a terminal; ``address`` is that of the API's list of backups."""
    return f"""\
curl --fail-with-body -X POST -H "Authorization: Bearer $BACKUP_TOKEN" \\
  -H "Content-Type: application/json" -d '{{"name": "before deploy"}}' \\
  "{address}?wait=60"
"""


def github_actions(address: str) -> str:
    """A workflow's jobs."""
    script = _script(address, "$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT")
    return _GITHUB.replace("{script}\n", indent(script, " " * 10))


def gitlab_ci(address: str) -> str:
    """A whole .gitlab-ci.yml."""
    return _GITLAB.replace("{script}\n", indent(_script(address, "$CI_JOB_ID"), " " * 6))


def _script(address: str, key: str) -> str:
    return _SCRIPT.replace("{address}", address).replace("{key}", key)
