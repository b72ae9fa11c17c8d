"""A shop that asks a second instance of itself what is in stock."""

import logging
import os

import httpx
from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse
from opentelemetry import trace
from prometheus_client import Counter, Histogram, make_asgi_app

STOCK = {"pen": 12, "ink": 0, "globe": None}

log = logging.getLogger("shop")
app = FastAPI()
app.mount("/metrics", make_asgi_app())

ORDERS = Counter("shop_orders_total", "Orders by item and outcome.", ["item", "outcome"])
STOCK_SECONDS = Histogram("shop_stock_seconds", "Time until the stock answers.", buckets=[0.01, 0.1, 1, 10])


def exemplar():
    """The trace that a sample belongs to."""
    context = trace.get_current_span().get_span_context()
    return {"trace_id": trace.format_trace_id(context.trace_id)} if context.trace_flags.sampled else None


@app.post("/orders/{item}")
def order(item: str):
    with STOCK_SECONDS.time():
        answer = httpx.get(f"{os.environ['STOCK_URL']}/stock/{item}")
    outcome = {200: "taken", 409: "sold_out"}.get(answer.status_code, "failed")
    ORDERS.labels(item, outcome).inc(exemplar=exemplar())
    log.info("order of %s: %s", item, outcome, extra={"item": item, "outcome": outcome})
    if answer.status_code in (404, 409):
        raise HTTPException(answer.status_code, answer.json()["detail"])
    return answer.raise_for_status().json()


@app.get("/stock/{item}")
def stock(item: str):
    if item not in STOCK:
        raise HTTPException(404, f"no {item} here")
    # Nobody has counted the globes, so asking for one fails.
    if STOCK[item] < 1:
        raise HTTPException(409, f"{item} is sold out")
    return {"item": item, "left": STOCK[item]}


@app.exception_handler(Exception)
def failed(request, error):
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"detail": "internal error"}, 500)
