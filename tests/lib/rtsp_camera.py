"""A camera that speaks RTSP, for tests: H.264 of a test picture and G.711 of a tone at rtsp://127.0.0.1:PORT/eye, for user and s3:cr@t (Digest).
Usage: rtsp_camera.py PORT; says `ready` when it listens."""
import sys
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address('127.0.0.1')
server.set_service(sys.argv[1])
auth = GstRtspServer.RTSPAuth()
auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
token = GstRtspServer.RTSPToken()
token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, 'user')
auth.add_digest('user', 's3:cr@t', token)
server.set_auth(auth)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch('( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! openh264enc gop-size=25 bitrate=400000 ! h264parse ! rtph264pay name=pay0 pt=96 '
                   'audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8 )')
factory.set_shared(True)
permissions = GstRtspServer.RTSPPermissions()
permissions.add_permission_for_role('user', 'media.factory.access', True)
permissions.add_permission_for_role('user', 'media.factory.construct', True)
factory.set_permissions(permissions)
server.get_mount_points().add_factory('/eye', factory)
server.attach(None)
print('ready', flush=True)
GLib.MainLoop().run()
