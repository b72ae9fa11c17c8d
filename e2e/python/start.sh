# sh start.sh NAME PORT
set -a
. ./service.env
exec opentelemetry-instrument --service_name "$1" uvicorn shop:app --port "$2" --log-config logging.json
