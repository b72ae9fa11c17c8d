"""What the end-to-end programs share: counting checks, running a demo, asking dashboards, short packs, a webhook."""
