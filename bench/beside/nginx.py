"""nginx for files, as a do-it-yourself server or as the anchor of the HTTP comparison."""

import os

from .lab import SERVER
from .peers import program
from .servers import write


def nginx(lab, root, place="nginx"):
    folder = lab.place(place)
    config = write(f"{folder}/nginx.conf", f"""
        user root; daemon off; pid {folder}/pid; error_log stderr error; worker_processes {os.cpu_count()};
        worker_rlimit_nofile 65536;
        events {{ worker_connections 20000; }}
        http {{
          client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
          scgi_temp_path {folder}/s; access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
          open_file_cache max=20000;
          server {{ listen {SERVER}:80 backlog=4096; root {root}; location /hook/ {{ return 200; }} }}
        }}""")
    return lab.start("nginx", [program("nginx"), "-c", config]).listens("tcp", 80)
