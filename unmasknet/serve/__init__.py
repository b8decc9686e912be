"""Web page of `unmask serve`: takes photos and returns restored ones, by default only on this machine.

settings    the settings
server      binds the port and runs the app
middleware  checks Host and Origin, sets the headers of all responses
admission   admission control: number of requests, bytes, photos in work
upload      reads a request body within its limits
fair_queue  queue in which clients take turns
decoders    decodes photos and maps in processes of their own, with a deadline
restorers   restores photos, in threads with networks of their own
response    the result for a photo, as JSON
app         the routes
"""
