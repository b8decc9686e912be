"""The web page: photos in, restored ones out, on this machine alone.

settings    the settings
server      binds the port and runs the rest
middleware  whom the page answers: Host, Origin, the headers of every answer
admission   admission control: places, bytes, one photo at a time
upload      reads a body within its bounds
response    the result of a photo, as JSON
app         the addresses of the page
"""
