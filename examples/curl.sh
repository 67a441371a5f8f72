#!/bin/sh
# The HTTP API with nothing but curl.   sh examples/curl.sh
set -eu
url="${MYNAH_URL:-http://127.0.0.1:8080}"
ask() { curl --fail-with-body --silent --show-error ${MYNAH_API_KEY:+-H "authorization: Bearer $MYNAH_API_KEY"} "$@"; }

echo "voices: $(ask "$url/v1/audio/voices" | head -c 120)…"

# Twice the same: the second comes from the cache.
for time in first second; do
  ask "$url/v1/audio/speech" -H 'content-type: application/json' -o hello.mp3 --dump-header headers.txt \
    -d '{"model":"tts-1","voice":"alloy","input":"Hello from curl. I will only say this once."}'
  echo "$time: $(wc -c <hello.mp3) bytes in hello.mp3; $(grep -i '^cache-status' headers.txt)"
done
rm headers.txt
