"""The web page: photos in, restored ones out, on this machine alone.

settings    what can be set
server      binds the port and runs the rest
guard       whom it answers: Host, Origin, headers of every answer
gate        how much at once: places, bytes, one photo at a time
intake      a body, read within its bounds
answer      what became of a photo, as JSON
app         the page's addresses
"""
