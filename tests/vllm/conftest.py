from vllm_server import server as server
