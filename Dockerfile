# Web page of `unmask serve` with ONNX Runtime, without torch and GPU. To mount other weights, see docs/serving.md.
#
#   docker build -t unmask .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 unmask
#
# Keep the 127.0.0.1 in -p: without it, everyone on the network can open the page.
FROM python:3.12-slim AS build
# The compiler of the kernels, which only this stage needs; without it, the image would have none.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY . .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -c constraints.txt '.[web,onnx]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 unmask
COPY --from=build /venv /venv
USER unmask
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
EXPOSE 8000
STOPSIGNAL SIGINT
CMD ["unmask", "serve", "--host", "0.0.0.0", "--runtime", "onnx"]
