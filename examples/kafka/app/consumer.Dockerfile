# docker build -f consumer.Dockerfile -t kafka-example/consumer:0.1.0 .
FROM python:3.13-slim

# What changes least comes first: a change of the program installs nothing again.
COPY requirements/posts.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin posts

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY posts posts
USER 10001:10001
# The exec form: SIGTERM reaches Python, which finishes what it has started.
ENTRYPOINT ["python", "-m", "posts.consumer"]
