"""A content security policy with nonces for Otterwiki.

Otterwiki's pages hold inline scripts and some seventy inline event handlers. Here the scripts get
the nonce of the response and the handlers become data attributes, both when a template is loaded;
finished pages are never rewritten.
"""
