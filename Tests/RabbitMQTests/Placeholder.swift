import RabbitMQ
